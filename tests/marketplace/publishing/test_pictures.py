"""Pictures are decoded and drawn anew; what is none is refused, in words; nobody sees one that is not public yet."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from base64 import b64encode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import User
from common.errors import DomainError, NotFound
from marketplace.models import Listing, ListingPicture
from marketplace.publishing.services.pictures import add_picture, remove_picture, webp_of
from marketplace.services.listings import publish_listing, save_draft
from tests.fixtures_desk import Desk


def drawn(size: tuple[int, int] = (40, 30), kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, kind, **options)
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG whose header speaks of side × side pixels; there is next to nothing behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9_000))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")


def test_a_picture_keeps_nothing_but_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Where I live"
    exif[0x0112] = 6  # lies on its side
    data, size = webp_of(drawn((40, 30), "JPEG", exif=exif))
    assert b"Where I live" not in data
    with Image.open(io.BytesIO(data)) as made:
        assert (made.format, made.size, size, dict(made.getexif())) == ("WEBP", (30, 40), (30, 40), {})
    assert webp_of(drawn((3_200, 800)))[1] == (1_600, 400)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NOT_A_PICTURE"),
        (b"<html><script>alert(1)</script>", "NOT_A_PICTURE"),
        (SVG, "NOT_A_PICTURE"),
        (drawn()[:60], "NOT_A_PICTURE"),
        (b"GIF89a" + b"\0" * 40, "NOT_A_PICTURE"),
        (bomb(30_000), "PICTURE_TOO_LARGE"),
        (bomb(7_000), "PICTURE_TOO_LARGE"),
        (b"\0" * ((5 << 20) + 1), "PICTURE_TOO_LARGE"),
    ],
    ids=["empty", "page", "svg", "cut", "no pixels", "bomb", "many pixels", "many bytes"],
)
def test_what_is_no_picture_is_refused_in_words(alice: User, listing: Listing, data: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        add_picture(actor=alice, listing=listing, data=data)
    assert (refused.value.code, refused.value.context) == (code, {"field": "picture"})
    assert ListingPicture.objects.count() == 0


def test_a_listing_has_five_pictures_of_its_owners(alice: User, bob: User, listing: Listing) -> None:
    for shade in (1, 2, 3, 4, 5, 5):
        add_picture(actor=alice, listing=listing, data=drawn((shade, 9)))
    with pytest.raises(DomainError, match="up to 5 pictures"):
        add_picture(actor=alice, listing=listing, data=drawn((6, 9)))
    with pytest.raises(NotFound):
        add_picture(actor=bob, listing=listing, data=drawn())
    with pytest.raises(NotFound):
        remove_picture(actor=bob, listing=listing, digest=listing.pictures.all()[0].digest)
    assert listing.pictures.count() == 5


def test_a_picture_is_served_under_its_content_once_it_is_public(alice: User, bob: User, desk: Desk) -> None:
    draft = save_draft(owner=alice, portfolio=desk.portfolio(alice), title="Not yet")
    owner, other = Client(), Client()
    owner.force_login(alice)
    other.force_login(bob)
    upload = reverse("marketplace:upload", args=[draft.pk])
    file = SimpleUploadedFile("x.png", drawn(), "image/png")
    assert owner.post(upload, {"picture": file, "words": "A curve"}).status_code == 302
    [picture] = ListingPicture.objects.all()
    assert picture.digest == hashlib.sha256(bytes(picture.data)).hexdigest()
    address = reverse("marketplace:picture", args=[draft.pk, picture.digest])
    assert [one.get(address).status_code for one in (owner, other, Client())] == [200, 404, 404]
    assert owner.get(address)["Cache-Control"] == "private, max-age=31536000, immutable"
    publish_listing(owner=alice, portfolio=draft.portfolio, title="Now")
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == (
        "public, max-age=31536000, immutable",
        "nosniff",
    )
    refused = owner.post(upload, {"picture": SimpleUploadedFile("x.png", SVG, "image/png")})
    assert (refused.status_code, b"this file is none" in refused.content) == (400, True)


def test_the_api_takes_what_a_body_holds_and_says_so_of_more(alice: User, listing: Listing) -> None:
    client = Client()
    client.force_login(alice)

    def post(data: bytes) -> tuple[int, str]:
        body = {"picture": b64encode(data).decode()}
        answer = client.post(f"/api/v1/listings/{listing.pk}/pictures/", body, content_type="application/json")
        return answer.status_code, answer.json().get("code", "")

    assert post(drawn()) == (201, "")
    assert post(b"\0" * 1_900_000) == (400, "NOT_A_PICTURE")
    assert post(b"\0" * 2_000_000) == (413, "BODY_TOO_LARGE")

"""A listing's pictures: decoded, made anew as WebP without anything but pixels, and kept under the name of their content."""

from __future__ import annotations

import hashlib
import io
import warnings

from django.db import transaction
from PIL import Image, ImageOps

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from marketplace.models import Listing, ListingPicture

MOST_PICTURES = 5
MAX_BYTES = 5 << 20
# Both sides, and the whole: a small file may unfold into gigabytes.
MAX_SIDE, MAX_PIXELS = 8_000, 25_000_000
# What a page shows at most.
SHOWN_SIDE = 1_600
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_QUALITY = 82
MAX_WORDS = 120
_REFUSED = "Choose a PNG, JPEG, WebP or GIF picture; this file is none, or is damaged."


@transaction.atomic
def add_picture(*, actor: User, listing: Listing, data: bytes, words: str = "") -> ListingPicture:
    """Add a picture to a listing of one's own; the same one again is a no-op. Shown to others with the next submission.

    Raises DomainError for what is too large, or is no picture that we decode (SVG is a program, not a picture).
    """
    drawn, (width, height) = webp_of(data)
    owned = lock_rows(Listing.objects.filter(pk=listing.pk, owner=actor))
    if not owned:
        raise NotFound("listing")
    digest = hashlib.sha256(drawn).hexdigest()
    held = ListingPicture.objects.filter(listing=listing)
    if (same := held.filter(digest=digest).first()) is not None:
        return same
    if held.count() >= MOST_PICTURES:
        message = f"A listing has up to {MOST_PICTURES} pictures; remove one first."
        raise DomainError("TOO_MANY_PICTURES", message, {"field": "picture"}, status=409)
    facts = {"digest": digest, "data": drawn, "width": width, "height": height}
    added = ListingPicture.objects.create(
        listing=listing, words=words.strip()[:MAX_WORDS], added_at=wall_now(), **facts
    )
    audit(action="listing.picture_added", obj=listing, actor=actor, after={"digest": digest})
    return added


@transaction.atomic
def remove_picture(*, actor: User, listing: Listing, digest: str) -> None:
    """Take a picture off a listing of one's own, at once. A repeat is a no-op."""
    if not lock_rows(Listing.objects.filter(pk=listing.pk, owner=actor)):
        raise NotFound("listing")
    removed, _ = ListingPicture.objects.filter(listing=listing, digest=digest).delete()
    if removed:
        audit(action="listing.picture_removed", obj=listing, actor=actor, after={"digest": digest})


def webp_of(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return a picture's pixels as WebP, upright and no larger than a page shows, and its width and height."""
    if len(data) > MAX_BYTES:
        message = f"Choose a picture of at most {MAX_BYTES >> 20} MiB."
        raise DomainError("PICTURE_TOO_LARGE", message, {"field": "picture"})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Only the header is read here: its size is judged before a pixel is unfolded.
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                _check_size(opened.size)
                opened.load()
                return _drawn(opened)
    except DomainError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    # Whatever a decoder stumbles over, it is no picture to us.
    except Exception as error:
        raise DomainError("NOT_A_PICTURE", _REFUSED, {"field": "picture"}) from error


def _check_size(size: tuple[int, int]) -> None:
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> DomainError:
    message = f"Choose a picture of at most {MAX_SIDE:,} pixels a side and {MAX_PIXELS // 1_000_000} million in all."
    return DomainError("PICTURE_TOO_LARGE", message, {"field": "picture"})


def _drawn(opened: Image.Image) -> tuple[bytes, tuple[int, int]]:
    upright = ImageOps.exif_transpose(opened)
    shown = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    # A fresh picture: only pixels are carried over, no EXIF, no profile, no comment.
    bare = Image.new(shown.mode, shown.size)
    bare.paste(shown)
    file = io.BytesIO()
    bare.save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue(), bare.size

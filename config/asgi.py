"""The ASGI application: pages and API over HTTP, live updates over one WebSocket."""

import os
import threading
import warnings
from typing import Any

from channels.routing import ProtocolTypeRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# WhiteNoise streams files synchronously; they are small and read from memory, so that Django waits for them is fine.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
# Loads the apps, whose models the sockets need.
pages = get_asgi_application()

from django.conf import settings  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402

from accounts.live import LiveAuthentication  # noqa: E402
from common.bodies import bounded  # noqa: E402
from common.consumers import live_socket  # noqa: E402
from marketplace.search.columns import warm  # noqa: E402
from trading.signer.keys import private_key_refused  # noqa: E402

# A server that imports this runs no checks of Django's, and this one must not be passed by.
if problems := private_key_refused():
    raise ImproperlyConfigured(str(problems[0]))

_live = LiveAuthentication(live_socket)
_nothing_here = WebsocketDenier.as_asgi()


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    """Answer a WebSocket: there is one address for them."""
    await (_live if scope["path"] == "/ws/live/" else _nothing_here)(scope, receive, send)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Answer a server that starts and ends: what the first visitors will ask for is read beside it, and holds up nothing."""
    while (message := await receive())["type"] == "lifespan.startup":
        threading.Thread(target=warm, name="warm", daemon=True).start()
        await send({"type": "lifespan.startup.complete"})
    await send({"type": f"{message['type']}.complete"})


_http = bounded(pages, "/api/", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
application = ProtocolTypeRouter({"http": _http, "websocket": sockets, "lifespan": lifespan})

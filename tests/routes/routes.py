"""Every address of the site, found by walking Django's own URL resolver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import LocalePrefixPattern, RegexPattern, RoutePattern

Pattern = RoutePattern | RegexPattern | LocalePrefixPattern
# The admin leaves two kinds of address without a name: an object's own, which leads on to its form, and all the rest.
_BARE, _REST = "<path:object_id>/", "(?P<url>.*)$"


@dataclass(frozen=True, slots=True)
class Route:
    """One address: its name with all namespaces, and the names of what its address is filled with."""

    name: str
    keys: tuple[str, ...]

    @property
    def is_api(self) -> bool:
        return self.name.partition(":")[0].endswith("_api") or self.name in {"schema", "api_docs"}

    @property
    def is_admin(self) -> bool:
        return self.name.startswith("admin:")

    def path(self, values: Mapping[str, Any]) -> str:
        """Return the address filled with what `values` holds under this route's keys."""
        if self.name == "admin:rest":
            return f"{reverse('admin:index')}nowhere/"
        if self.name.endswith("_bare"):
            form = f"{self.name.removesuffix('_bare')}_change"
            return reverse(form, kwargs={key: values[key] for key in self.keys}).removesuffix("change/")
        return reverse(self.name, kwargs={key: values[key] for key in self.keys})


def all_routes() -> list[Route]:
    """Return every route of the site, in the order in which Django tries them."""
    return list(_walk(get_resolver(), (), ()))


def _walk(resolver: URLResolver, namespaces: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[Route]:
    for one in resolver.url_patterns:
        held = (*keys, *_keys(one.pattern))
        if isinstance(one, URLPattern):
            yield Route(":".join((*namespaces, _name(one, resolver))), held)
        else:
            yield from _walk(one, (*namespaces, one.namespace) if one.namespace else namespaces, held)


def _name(pattern: URLPattern, parent: URLResolver) -> str:
    if pattern.name:
        return pattern.name
    if str(pattern.pattern) == _REST:
        return "rest"
    assert str(pattern.pattern) == _BARE, f"{parent.pattern}{pattern.pattern} has no name to call it by"
    return f"{str(parent.pattern).strip('/').replace('/', '_')}_bare"


def _keys(pattern: Pattern) -> tuple[str, ...]:
    if isinstance(pattern, RoutePattern):
        return tuple(pattern.converters)
    return tuple(pattern.regex.groupindex) if isinstance(pattern, RegexPattern) else ()

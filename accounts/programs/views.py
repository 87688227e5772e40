"""The pages that explain what a program was refused for; the `type` of a problem leads here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.errors import NotFound
from common.problems import known_problems


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/problems.html", {"problems": list(known_problems().values())})


@require_safe
def problem(request: HttpRequest, problem_code: str) -> HttpResponse:
    found = known_problems().get(problem_code)
    if found is None:
        raise NotFound("code")
    return render(request, "accounts/problems.html", {"problems": [found], "only": found})

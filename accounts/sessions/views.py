"""The buttons of the page of sessions; the page itself is allauth's, with our template."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from accounts.sessions.services import end_other_sessions, end_sessions, session_for_user


@require_POST
@login_required
def end(request: SignedInRequest, session_id: int) -> HttpResponse:
    end_sessions(sessions=[session_for_user(request.user, session_id)])
    messages.success(request, "This session is ended.")
    return redirect("usersessions_list")


@require_POST
@login_required
def end_others(request: SignedInRequest) -> HttpResponse:
    with_programs = "programs" in request.POST
    count = end_other_sessions(user=request.user, but=request.session.session_key or "", with_programs=with_programs)
    others = "1 other session is ended" if count == 1 else f"{count} other sessions are ended"
    messages.success(
        request, f"{others}, and API tokens and connected apps with them." if with_programs else f"{others}."
    )
    return redirect("usersessions_list")

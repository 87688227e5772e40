"""The forms of the workspace pages; services judge, forms carry their sentences back to the field."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.teams.models import Permission, PermissionSet, Role, Workspace
from accounts.teams.selectors import set_of, sets_of

_SET = "set:"


class NameForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="Members see it.")


def role_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """Return what a member may be: the roles, and the workspace's own sets."""
    own = [(f"{_SET}{one.pk}", one.name) for one in sets_of(workspace)]
    return [*Role.choices, *own]


class RoleForm(forms.Form):
    """A role, or one of the workspace's own sets in place of one."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._workspace = workspace
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = role_choices(workspace)

    def given(self) -> dict[str, Any]:
        """Return what services take: whoever has a set is a viewer beside it, should it ever be taken from them."""
        chosen = self.cleaned_data["role"]
        if chosen.startswith(_SET):
            return {"role": Role.VIEWER, "permission_set": set_of(self._workspace, chosen.removeprefix(_SET))}
        return {"role": Role(chosen), "permission_set": None}


class InviteForm(RoleForm):
    email = forms.EmailField(label="E-mail address")
    field_order = ["email", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = Role.VIEWER


class SetForm(forms.Form):
    """A permission set; seeing goes with all of them."""

    name = forms.CharField(max_length=40, label="Name")
    permissions = forms.MultipleChoiceField(
        choices=[(value, label) for value, label in Permission.choices if value != Permission.VIEW],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, held: PermissionSet | None = None, **kwargs: Any) -> None:
        if held is not None:
            kwargs["initial"] = {"name": held.name, "permissions": sorted(held.permissions)}
        super().__init__(*args, **kwargs)

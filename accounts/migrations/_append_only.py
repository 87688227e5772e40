"""What keeps the audit append-only beside its tables; shared by the step that brought it and by what makes all steps at once."""

TRIGGER = """
CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'The audit is append-only: % refused on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$ LANGUAGE plpgsql;
CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
CREATE TRIGGER audit_seal_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditseal
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
"""
UNDO = """
DROP TRIGGER audit_entry_is_append_only ON accounts_auditentry;
DROP TRIGGER audit_seal_is_append_only ON accounts_auditseal;
DROP FUNCTION accounts_audit_is_append_only();
"""


def guard(apps, schema_editor):
    """Have PostgreSQL itself refuse to rewrite the audit, whoever asks; on SQLite the chain alone tells."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TRIGGER, params=None)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(UNDO, params=None)

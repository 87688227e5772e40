"""What full text needs beside its tables; shared by the step that brought it and by what makes all steps at once."""

# Of the description it is kept which words it has, and not where: that halves what a search for common words reads.
_VECTOR = """
ALTER TABLE marketplace_listingwords ADD COLUMN vector tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', handle), 'A')
    || setweight(to_tsvector('simple', tags), 'B') || strip(to_tsvector('simple', description))
) STORED;
CREATE INDEX listing_words_vector ON marketplace_listingwords USING gin (vector);
-- Who may not create the extension has full text without the mending of misspelt words.
DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX search_word_alike ON marketplace_searchword USING gin (word gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN NULL;
END $$;
"""


def add_full_text(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_VECTOR)

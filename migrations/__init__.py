"""Alembic migrations of the database, one file a revision; run by `store.migrate`, shipped as acmedns_py.migrations."""

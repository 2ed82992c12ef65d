"""The schema of the data base, step by step; Alembic takes one from wherever it is to the last."""

__all__: list[str] = []

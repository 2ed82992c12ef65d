"""The schema of the data base, step by step; Alembic takes one from wherever it is to the last."""

from quickstudy.serve.migrations.v0002_exports import revision

__all__ = ["revision"]

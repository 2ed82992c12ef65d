"""The schema of the data base, step by step; Alembic takes one from wherever it is to the last."""

from quickstudy.serve.migrations.v0001_tasks import revision

__all__ = ["revision"]

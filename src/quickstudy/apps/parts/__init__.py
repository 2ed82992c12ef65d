"""Parts that applications share."""

__all__: list[str] = []

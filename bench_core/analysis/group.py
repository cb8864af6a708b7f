"""What is ranked together: the cells of one model, length and batch."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from bench_core.cell import Cell
from bench_core.errors import UsageError


@dataclass(frozen=True, order=True)
class Group:
    """Its string form is `Cell.group`, and parses back."""

    model: str
    length: int
    batch: int

    def __str__(self) -> str:
        return f"{quote(self.model, safe='')}|length={self.length}|batch={self.batch}"

    @classmethod
    def of(cls, cell_id: str) -> "Group":
        cell = Cell.parse(cell_id)
        return cls(cell.model, cell.length, cell.batch)

    @classmethod
    def parse(cls, text: str) -> "Group":
        """Read a group back.

        Raises: UsageError if `text` is not one.
        """
        try:
            model, length, batch = text.split("|")
            return cls(
                unquote(model),
                int(length.removeprefix("length=")),
                int(batch.removeprefix("batch=")),
            )
        except ValueError:
            raise UsageError(f"a group reads model|length=N|batch=N, not {text!r}") from None

"""One point of the sweep. Its string form is its id and parses back."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from bench_core.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Model × mode × length × batch, on a device and provider, with a number of threads.

    What a length counts (tokens, pixels a side, …) is the model's to say.
    """

    model: str
    mode: str
    length: int
    batch: int = 1
    device: str = "cpu"
    provider: str = "cpu"
    threads: int = 1

    def __str__(self) -> str:
        names = [quote(name, safe="") for name in (self.model, self.mode)]
        places = [quote(name, safe="") for name in (self.device, self.provider)]
        sizes = [f"length={self.length}", f"batch={self.batch}"]
        return "|".join([*names, *sizes, *places, f"threads={self.threads}"])

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Read an id back.

        Raises: UsageError if `text` is not one.
        """
        try:
            model, mode, length, batch, device, provider, threads = text.split("|")
            return cls(
                model=unquote(model),
                mode=unquote(mode),
                length=int(length.removeprefix("length=")),
                batch=int(batch.removeprefix("batch=")),
                device=unquote(device),
                provider=unquote(provider),
                threads=int(threads.removeprefix("threads=")),
            )
        except ValueError:
            raise UsageError(
                "a cell id reads model|mode|length=N|batch=N|device|provider|threads=N, "
                f"not {text!r}"
            ) from None

    @property
    def group(self) -> str:
        """What cells have in common that are timed against one reference."""
        return f"{quote(self.model, safe='')}|length={self.length}|batch={self.batch}"

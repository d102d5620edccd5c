"""`tale-eval records`."""

from pathlib import Path
from typing import Annotated

import typer

from tale_eval.cli.output import note, progress, writing
from tale_eval.errors import InvalidValueError, OutputError, SourceError


def records(
    logs: Annotated[
        list[str], typer.Argument(help="Log files and folders, local or s3://, and .parquet files")
    ],
    out: Annotated[Path, typer.Option(help="The file to write: FILE.parquet")],
    with_texts: Annotated[
        bool, typer.Option("--with-texts", help="Write what was asked, too")
    ] = False,
    prices: Annotated[Path | None, typer.Option(help="Your prices: a JSON file")] = None,
    score: Annotated[
        str | None,
        typer.Option(help="The score that says what is right, where a log has several: NAME[.KEY]"),
    ] = None,
) -> None:
    """Write all answers into one Parquet file, which pandas, DuckDB and `report` read."""
    from tale_eval.inspect_ext.collector import FAST, collect_less
    from tale_eval.logs import open_logs
    from tale_eval.record_files import hashed, new_record_file, told_twice, without_places
    from tale_eval.tokens.pricing import read_prices

    if out.suffix != ".parquet":
        raise InvalidValueError(f"--out {out}: a file of records ends in .parquet")
    collect_less(FAST)
    own_prices = read_prices(prices) if prices else None
    told = progress("reading logs")
    opened = open_logs(logs, own_prices, score, texts=with_texts, progress=told)
    with writing(out), new_record_file(out, texts=with_texts) as file:
        for some in opened:
            try:
                file.write(some)
            except InvalidValueError as error:
                raise OutputError(f"{out}: {error}") from error
        opened.check()
        note(opened.problems)
        if not file.count:
            raise SourceError("no log holds an answer: there is nothing to write")
        runs = hashed(opened.settings)
        note(told_twice(runs))
        file.finish(runs, without_places(opened.problems, opened.settings))
    print(f"{out}: {file.count:,} answers of {len(runs):,} logs")

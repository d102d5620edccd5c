"""`tale-eval lm-eval`."""

import typer


def lm_eval(context: typer.Context) -> None:
    """Run lm_eval, every option its own, with our tasks and true token counts.

    run --method METHOD puts a method around tasks of others; several are run one by one.
    --path prints the folder of our tasks, for the plain lm_eval's --include_path.
    """
    from tale_eval.lm_eval_ext.launcher import run_lm_eval

    run_lm_eval(context.args)

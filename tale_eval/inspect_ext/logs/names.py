"""Which files are Inspect's logs, by their names alone: loads no Inspect. Pure."""

import re

from tale_eval.places import FileKind

# as Inspect's list_eval_logs has it: every .eval, and a .json whose name starts with a time; and
# what NeMo Evaluator exports
_IN_A_FOLDER = re.compile(
    r"\.eval$|_inspect\.json$|(?:^|/)\d{4}-\d{2}-\d{2}T\d{2}[:-]\d{2}[:-]\d{2}[^/]*\.json$",
    re.ASCII,
)
# whoever names a file means it, but a shell's * also names what lm_eval writes beside samples
_NAMED = re.compile(
    r"\.eval$|(?:^|/)(?!results_\d{4}-\d{2}-\d{2}T[\d.-]+\.json$)[^/]*\.json$", re.ASCII
)

INSPECT_LOGS = FileKind("Inspect log (.eval or .json)", _IN_A_FOLDER, _NAMED)

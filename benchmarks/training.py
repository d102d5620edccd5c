"""Our training beside the released code's: samples a second, memory, and what is learnt.

    python benchmarks/training.py [--rows 8] [--batch 1] [--length 2048] [--model FOLDER]

Same model, same rows, same LoRA, optimiser and steps. Ours goes through `tale-eval train`'s
trainer. The released code pads every row to 2,048 tokens, takes the loss over prompt and
padding, and has neither chat template nor end token. Each runs in a process of its own.
What was learnt is the loss on the answers to other questions, asked as evaluation asks.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tale_eval.tasks.chain_sum import load as chain_sum
from tale_eval.training.candidates import CorpusQuestion
from tale_eval.training.corpus import prompt_messages

HELD_OUT = 8
LORA = {"r": 8, "lora_alpha": 32, "target_modules": ["q_proj", "v_proj"]}
RATE = 0.0005
SEED = 1024


def corpus_rows(size: int) -> list[dict[str, Any]]:
    """Sums and their bare answers, in TRL's format."""
    samples = chain_sum(size, seed=SEED, terms=3, digits=2)
    return [
        {
            "prompt": prompt_messages(
                CorpusQuestion(str(s.id), "chain_sum", "cloze", "en", str(s.input)), "paper"
            ),
            "completion": [{"role": "assistant", "content": f"[[{s.target}]]"}],
        }
        for s in samples
    ]


def ours(model: str, rows: list[dict[str, Any]], batch: int, folder: Path) -> Any:
    """The trainer of `tale-eval train`."""
    from datasets import Dataset
    from transformers import AutoTokenizer

    from tale_eval.training.recipe import Recipe
    from tale_eval.training.train import make_trainer

    settings = common_settings(batch) | {"max_length": None}
    recipe = Recipe("benchmark", "sft", batch, settings, LORA, None, None)
    splits = {"train": Dataset.from_list(rows)}
    return make_trainer(recipe, model, AutoTokenizer.from_pretrained(model), splits, folder)


def released(model: str, rows: list[dict[str, Any]], batch: int, folder: Path, length: int) -> Any:
    """The released recipe: padded rows, loss on everything."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

    tokenizer = AutoTokenizer.from_pretrained(model)

    def padded(row: dict[str, Any]) -> dict[str, Any]:
        text = row["prompt"][-1]["content"] + row["completion"][0]["content"]
        tokens = tokenizer(text, padding="max_length", truncation=True, max_length=length)
        return {**tokens, "labels": tokens["input_ids"]}

    gpu = torch.cuda.is_available()
    torch.manual_seed(SEED)
    base = AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.bfloat16 if gpu else torch.float32
    )
    arguments = TrainingArguments(
        str(folder), **common_settings(batch), use_cpu=not gpu, bf16=gpu, dataloader_pin_memory=gpu
    )
    dataset = Dataset.from_list([padded(row) for row in rows])
    adapted = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **LORA))
    return Trainer(adapted, arguments, train_dataset=dataset)


def common_settings(batch: int) -> dict[str, Any]:
    return {
        "per_device_train_batch_size": batch,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": SEED,
    }


def completion_loss(trained: Any, model: str, rows: list[dict[str, Any]]) -> float:
    """Mean loss per token of the answers, end token included, asked as evaluation asks."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    total, count = 0.0, 0
    trained.eval()
    for row in rows:
        start = len(
            tokenizer.apply_chat_template(
                row["prompt"], add_generation_prompt=True, return_dict=True
            )["input_ids"]
        )
        ids = tokenizer.apply_chat_template(
            row["prompt"] + row["completion"], return_tensors="pt", return_dict=True
        )["input_ids"].to(trained.device)
        with torch.no_grad():
            logits = trained(ids).logits[0, start - 1 : -1].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, start:], reduction="sum"))
        count += ids.shape[1] - start
    return total / count


def run_one(which: str, options: argparse.Namespace) -> dict[str, float]:
    """Train in this process; the numbers of the run."""
    import torch
    from transformers import AutoModelForCausalLM

    rows = corpus_rows(options.rows + HELD_OUT)
    train, held_out = rows[: options.rows], rows[options.rows :]
    if which == "base":
        base = AutoModelForCausalLM.from_pretrained(options.model)
        return {"loss": completion_loss(base, options.model, held_out)}
    with TemporaryDirectory() as folder:
        trainer = (
            ours(options.model, train, options.batch, Path(folder))
            if which == "ours"
            else released(options.model, train, options.batch, Path(folder), options.length)
        )
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    peak = (
        torch.cuda.max_memory_allocated()
        if torch.cuda.is_available()
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    loss = completion_loss(trainer.model, options.model, held_out)
    return {"seconds": seconds, "gigabytes": peak / 1e9, "loss": loss}


def in_its_own_process(which: str, options: argparse.Namespace) -> dict[str, float]:
    given = [f"--{name}={value}" for name, value in vars(options).items() if name != "only"]
    command = [sys.executable, __file__, f"--only={which}", *given]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    numbers: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1, help="rows to a step")
    parser.add_argument("--length", type=int, default=2048, help="what the released code pads to")
    parser.add_argument("--model", help="a local folder; the embedded model if not given")
    parser.add_argument("--only", choices=("base", "ours", "released"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model is None:
        from tale_eval.models.smollm2 import model_folder

        options.model = str(model_folder())
    if options.only:
        print(json.dumps(run_one(options.only, options)))
        return
    base = in_its_own_process("base", options)
    found = {which: in_its_own_process(which, options) for which in ("released", "ours")}
    print(
        f"{options.rows} rows, {options.batch} to a step, {Path(options.model).name}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':12}{'rows/s':>10}{'ratio':>8}{'peak GB':>10}{'loss on answers':>18}")
    print(f"{'untrained':12}{'':28}{base['loss']:18.3f}")
    for which, row in found.items():
        ratio = found["released"]["seconds"] / row["seconds"]
        print(
            f"{which:12}{options.rows / row['seconds']:10.3f}{ratio:8.1f}"
            f"{row['gigabytes']:10.2f}{row['loss']:18.3f}"
        )
    print(
        "peak: of the whole process, or of the GPU's memory. loss: per token, on the answers to\n"
        f"{HELD_OUT} other questions, their end token included. Loading the model is not timed."
    )


if __name__ == "__main__":
    main()

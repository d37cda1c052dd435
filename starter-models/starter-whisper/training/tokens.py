"""The tokenizer: byte-level pieces of the grammar's sentences, then Whisper's special tokens in their order."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).parents[2]))

from speech.sentences import sentence

PIECES = 1000
SENTENCES = 60_000
SEED = 5
SPECIALS = [
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>",
    "<|nospeech|>", "<|notimestamps|>",
]  # fmt: skip
TIMESTAMPS = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
TICK = 0.02  # seconds


@dataclass(frozen=True)
class Ids:
    """Ids from `eot` on are no text."""

    eot: int = PIECES
    sot: int = PIECES + 1
    english: int = PIECES + 2
    translate: int = PIECES + 3
    transcribe: int = PIECES + 4
    start_of_lm: int = PIECES + 5
    previous: int = PIECES + 6
    no_speech: int = PIECES + 7
    no_timestamps: int = PIECES + 8
    first_timestamp: int = PIECES + 9
    vocab: int = PIECES + 9 + len(TIMESTAMPS)

    def timestamp(self, seconds: float) -> int:
        return self.first_timestamp + min(len(TIMESTAMPS) - 1, max(0, round(seconds / TICK)))


IDS = Ids()


def train_tokenizer() -> Tokenizer:
    rng = np.random.default_rng(SEED)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=PIECES, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((" " + sentence(rng) for _ in range(SENTENCES)), trainer)
    assert tokenizer.get_vocab_size() == PIECES
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.add_tokens(TIMESTAMPS)
    assert tokenizer.token_to_id("<|30.00|>") == IDS.vocab - 1 and tokenizer.token_to_id("<|endoftext|>") == IDS.eot
    return tokenizer


def load_tokenizer(work: Path) -> Tokenizer:
    """The work folder's, trained at first use."""
    path = work / "tokenizer.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        train_tokenizer().save(str(path), pretty=False)
    return Tokenizer.from_file(str(path))


def tokenizer_config() -> dict:
    return {
        "add_bos_token": False, "add_prefix_space": False, "bos_token": SPECIALS[0], "clean_up_tokenization_spaces": True,
        "eos_token": SPECIALS[0], "errors": "replace", "model_max_length": 1024, "pad_token": SPECIALS[0],
        "processor_class": "WhisperProcessor", "return_attention_mask": False, "tokenizer_class": "WhisperTokenizer",
        "unk_token": SPECIALS[0],
    }  # fmt: skip


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")

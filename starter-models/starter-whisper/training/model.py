"""The whole model: 4.7 million parameters."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import GenerationConfig, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperDecoder

from encoder import Encoder
from phones import SILENT
from tokens import IDS, PIECES

WIDTH = 192
LOWER, UPPER = 2, 3
HEADS = 4
BLANK = PIECES
"""Of the CTC loss, behind the pieces of text."""


def config() -> WhisperConfig:
    return WhisperConfig(
        vocab_size=IDS.vocab,
        num_mel_bins=80,
        d_model=WIDTH,
        encoder_layers=LOWER + UPPER,
        encoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * WIDTH,
        decoder_layers=2,
        decoder_attention_heads=HEADS,
        decoder_ffn_dim=4 * WIDTH,
        max_source_positions=1500,
        max_target_positions=448,
        dropout=0.0,
        attn_implementation="eager",
        pad_token_id=IDS.eot,
        bos_token_id=IDS.eot,
        eos_token_id=IDS.eot,
        decoder_start_token_id=IDS.sot,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )


def generation_config(alignment_heads: list[list[int]]) -> GenerationConfig:
    return GenerationConfig(
        alignment_heads=alignment_heads,
        begin_suppress_tokens=[],
        bos_token_id=IDS.eot,
        decoder_start_token_id=IDS.sot,
        eos_token_id=IDS.eot,
        is_multilingual=False,
        max_initial_timestamp_index=1500,
        max_length=448,
        no_timestamps_token_id=IDS.no_timestamps,
        pad_token_id=IDS.eot,
        prev_sot_token_id=IDS.previous,
        return_timestamps=False,
        suppress_tokens=list(range(IDS.sot, IDS.no_timestamps)),
    )


class Model(nn.Module):
    """Encoder and Whisper's decoder, and what training alone uses: linear layers for the CTC losses of the encoder's pieces and phonemes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(WIDTH, LOWER, UPPER, HEADS)
        self.decoder = WhisperDecoder(config())
        self.ctc = nn.Linear(WIDTH, PIECES + 1)
        self.phones = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, SILENT + 1))

    def decode(self, ids: Tensor, encoding: Tensor) -> Tensor:
        """[B, m] → the next tokens' logits [B, m, vocab]."""
        hidden = self.decoder(input_ids=ids, encoder_hidden_states=encoding, use_cache=False)[0]
        return nn.functional.linear(hidden, self.decoder.embed_tokens.weight)


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())

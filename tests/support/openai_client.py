"""Calls a server by the official Python client and prints what came of it as one JSON object: URL KEY MODEL CLIP."""

import json
import sys

import openai

url, key, model, clip = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
audio = client.audio
found = {}


def ask(**values):
    with open(clip, "rb") as file:
        return audio.transcriptions.create(**{"file": file, "model": model, "language": "en", "temperature": 0, **values})


def translate(**values):
    with open(clip, "rb") as file:
        return audio.translations.create(file=file, model=model, **values)


def error(call):
    try:
        call()
    except openai.APIError as raised:
        return {
            "type": type(raised).__name__,
            "status": getattr(raised, "status_code", None),
            "code": raised.code,
            "param": raised.param,
        }
    return None


plain = ask()
found["json"] = {"type": type(plain).__name__, "text": plain.text}
for name in ("text", "srt", "vtt"):
    found[name] = ask(response_format=name)
verbose = ask(response_format="verbose_json", timestamp_granularities=["word", "segment"])
found["verbose_json"] = {"type": type(verbose).__name__, **verbose.model_dump()}
events = list(ask(stream=True))
found["stream"] = [event.model_dump(exclude_none=True) for event in events]
logprobs = ask(include=["logprobs"])
found["logprobs"] = [entry.model_dump() for entry in logprobs.logprobs]
translated = translate()
found["translation"] = {"type": type(translated).__name__, "text": translated.text}
found["translation_verbose"] = translate(response_format="verbose_json").model_dump()
found["translation_text"] = translate(response_format="text")
found["errors"] = {
    "model": error(lambda: ask(model="no-such")),
    "format": error(lambda: ask(response_format="xml")),
    "granularities": error(lambda: ask(timestamp_granularities=["word"])),
    "noise": error(lambda: audio.transcriptions.create(file=("a.wav", b"noise" * 1000), model=model)),
    "stream": error(lambda: list(ask(model="no-such", stream=True))),
    "key": error(lambda: client.with_options(api_key="wrong").audio.transcriptions.create(
        file=("a.wav", b"noise" * 1000), model=model)),
}
print(json.dumps({"version": openai.__version__, **found}))

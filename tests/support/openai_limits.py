"""Calls a server by the official Python client, with the retries it has by itself: URL CLIP KEY... One result per key."""

import json
import sys

import openai

url, clip, *keys = sys.argv[1:]


def call(key):
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key)
    try:
        with open(clip, "rb") as file:
            client.audio.transcriptions.create(file=file, model="fake/echo")
    except openai.APIStatusError as raised:
        return {"type": type(raised).__name__, "status": raised.status_code, "code": raised.code}
    return None


print(json.dumps([call(key) for key in keys]))

"""The bodies that GPTBots sends, and the examples its pages print.

gptbots.ai/docs/api-reference/conversation-api: "Webhook receives messages" (V1 and V2) and "Human
Handoff Service". Times are seconds in the message webhook and milliseconds in the human service.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

MESSAGE = "message"
ESTABLISH = "establish"
CHAT = "chat"
CLOSE = "close"


def _usage(tokens: int) -> Json:
    return {
        "tokens": {
            "total_tokens": tokens,
            "prompt_tokens": 0,
            "completion_tokens": tokens,
            "prompt_tokens_details": {"audio_tokens": 0, "text_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "text_tokens": tokens},
        },
        "credits": {
            "total_credits": 0.0,
            "text_input_credits": 0.0,
            "text_output_credits": 0.0,
            "audio_input_credits": 0.0,
            "audio_output_credits": 0.0,
        },
    }


def message_v1(
    conversation_id: str, message_id: str, at: float, text: str, *, type: str, flow: list[Json] | None = None
) -> Json:
    body: Json = {"message_id": message_id, "message_type": type, "text": text}
    if flow:
        body["flow_output"] = flow
    return {**body, "create_time": int(at), "conversation_id": conversation_id}


def message_v2(conversation_id: str, message_id: str, at: float, output: list[Json], *, tokens: int) -> Json:
    return {
        "conversation_id": conversation_id,
        "message_id": message_id,
        "create_time": int(at),
        "output": output,
        "usage": _usage(tokens),
    }


def branch_v1(content: str, branch: str | None, component: str) -> Json:
    return {"content": content, "branch": branch, "from_component_name": component}


def branch_v2(content: Json, branch: str, component: str) -> Json:
    return {"from_component_branch": branch, "from_component_name": component, "content": content}


_AGENT_CONVERSATION = "657303a8a764d47094874bbe"
_HUMAN_CONVERSATION = "65a4ccfc7ce58e728d5897ff"
_MESSAGE = "65a4ccfC7ce58e728d5897e0"
_SECONDS = 1679587005
_HELLO = "Hi, is there anything I can help you?"
_BOT = "65a4cc7c7ce58e728d589700"


def _establish(**extra: Any) -> Json:
    return {
        "conversation_id": _HUMAN_CONVERSATION,
        "timestamp": _SECONDS * 1000,
        "email": "support@gptbots.ai",  # what GPTBots fills in where the user gave none
        "bot_id": _BOT,
        "body": [
            {"message_type": "QUESTION", "text": "I want to talk to a person"},
            {"message_type": "ANSWER", "text": ""},
        ],
        "user_info": {"phone": None, "email": None, "user_id": "user-789", "anonymous_id": None},
        **extra,
    }


def _chat(**extra: Any) -> Json:
    return {
        "conversation_id": _HUMAN_CONVERSATION,
        "timestamp": _SECONDS * 1000 + 1,
        "body": "Is anybody there?",
        **extra,
    }


def _close(type: str) -> Json:
    return {"conversation_id": _HUMAN_CONVERSATION, "timestamp": _SECONDS * 1000 + 2, "type": type}


_V1 = message_v1(
    _AGENT_CONVERSATION,
    _MESSAGE,
    _SECONDS,
    _HELLO,
    type="ANSWER",
    flow=[branch_v1("你好", "1", "User Input")],
)
_V2 = message_v2(
    _AGENT_CONVERSATION,
    _MESSAGE,
    _SECONDS,
    [branch_v2({"text": _HELLO}, "1", "User Input"), branch_v2({"text": "你好"}, "2", "User Input")],
    tokens=29,
)

# Each with the call that carries it; where a page prints one example, its variants stand beside it.
SAMPLES: dict[str, tuple[str, Json]] = {
    "message/v1": (MESSAGE, _V1),
    "message/v1/question": (
        MESSAGE,
        message_v1(_AGENT_CONVERSATION, _MESSAGE, _SECONDS, "Where is my parcel?", type="QUESTION"),
    ),
    "message/v1/text": (
        MESSAGE,
        message_v1(_AGENT_CONVERSATION, _MESSAGE, _SECONDS, _HELLO, type="ANSWER"),
    ),
    "message/v1/flow_same_text": (
        MESSAGE,
        message_v1(
            _AGENT_CONVERSATION,
            _MESSAGE,
            _SECONDS,
            _HELLO,
            type="ANSWER",
            flow=[branch_v1(_HELLO, None, "User Input")],
        ),
    ),
    "message/v1/istest": (MESSAGE, {**_V1, "istest": True}),
    "message/v2": (MESSAGE, _V2),
    "message/v2/audio": (
        MESSAGE,
        message_v2(
            _AGENT_CONVERSATION,
            _MESSAGE,
            _SECONDS,
            [
                branch_v2(
                    {"audio": [{"audio": "https://example.com/audio.mp3", "transcript": _HELLO}]},
                    "1",
                    "Speech",
                )
            ],
            tokens=29,
        ),
    ),
    "message/v2/istest": (MESSAGE, {**_V2, "istest": True}),
    "establish": (ESTABLISH, _establish()),
    "establish/istest": (ESTABLISH, _establish(istest=True)),
    "chat": (CHAT, _chat()),
    "chat/istest": (CHAT, _chat(istest=True)),
    "close/TIMEOUT": (CLOSE, _close("TIMEOUT")),
    "close/USER_CLOSED": (CLOSE, _close("USER_CLOSED")),
}


def sample(kind: str, fresh: Json | None) -> tuple[str, Json]:
    """The call that carries the example of `kind`, and its body; keys of `fresh` replace its own."""
    call, body = SAMPLES[kind]
    body = copy.deepcopy(body)
    if fresh is not None:
        body.update({key: value for key, value in fresh.items() if key in body})
    return call, body

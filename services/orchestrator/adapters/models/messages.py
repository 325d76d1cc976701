"""Our messages and tools as LangChain has them."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import ToolCall as LangChainToolCall

from services.orchestrator.models.port import ModelMessage, Role, ToolSpec


def to_langchain(messages: Sequence[ModelMessage]) -> list[BaseMessage]:
    """Return messages as LangChain's."""
    return [_message(message) for message in messages]


def tools_of(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """Return tools in the form that every client understands."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


def _message(message: ModelMessage) -> BaseMessage:
    if message.role is Role.SYSTEM:
        return SystemMessage(message.text)
    if message.role is Role.USER:
        return HumanMessage(message.text)
    if message.role is Role.TOOL:
        return ToolMessage(message.text, tool_call_id=message.tool_call_id)
    calls = [
        LangChainToolCall(id=call.id, name=call.name, args=call.arguments)
        for call in message.tool_calls
    ]
    return AIMessage(message.text, tool_calls=calls)

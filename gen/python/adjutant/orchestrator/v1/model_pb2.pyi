from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelProviderKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_PROVIDER_KIND_UNSPECIFIED: _ClassVar[ModelProviderKind]
    MODEL_PROVIDER_KIND_SCRIPTED: _ClassVar[ModelProviderKind]
    MODEL_PROVIDER_KIND_OLLAMA: _ClassVar[ModelProviderKind]
    MODEL_PROVIDER_KIND_OPENAI: _ClassVar[ModelProviderKind]
    MODEL_PROVIDER_KIND_ANTHROPIC: _ClassVar[ModelProviderKind]
MODEL_PROVIDER_KIND_UNSPECIFIED: ModelProviderKind
MODEL_PROVIDER_KIND_SCRIPTED: ModelProviderKind
MODEL_PROVIDER_KIND_OLLAMA: ModelProviderKind
MODEL_PROVIDER_KIND_OPENAI: ModelProviderKind
MODEL_PROVIDER_KIND_ANTHROPIC: ModelProviderKind

class Model(_message.Message):
    __slots__ = ("full_name", "provider", "model", "provider_kind", "context_tokens", "tier", "default_provider", "missing")
    FULL_NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_KIND_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    full_name: str
    provider: str
    model: str
    provider_kind: ModelProviderKind
    context_tokens: int
    tier: bool
    default_provider: bool
    missing: str
    def __init__(self, full_name: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., provider_kind: _Optional[_Union[ModelProviderKind, str]] = ..., context_tokens: _Optional[int] = ..., tier: bool = ..., default_provider: bool = ..., missing: _Optional[str] = ...) -> None: ...

"""TaskMessageService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import task_message_pb2, task_message_service_pb2_grpc
from adjutant.orchestrator.v1 import task_message_service_pb2 as pb
from services.orchestrator import convert
from services.orchestrator.messages.decided import as_decided
from services.orchestrator.messages.message import MessageRecord
from services.orchestrator.messages.messages import Messages
from services.orchestrator.tasks.task import TaskRecord


class TaskMessageService(task_message_service_pb2_grpc.TaskMessageServiceServicer):
    """See the contract."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def SendTaskMessage(
        self, request: pb.SendTaskMessageRequest, _: Any
    ) -> pb.SendTaskMessageResponse:
        """See the contract."""
        message, task = await self._messages.send(request)
        return pb.SendTaskMessageResponse(message=_message(message, task))

    async def ListTaskMessages(
        self, request: pb.ListTaskMessagesRequest, _: Any
    ) -> pb.ListTaskMessagesResponse:
        """See the contract."""
        page, task = await self._messages.page(request)
        return pb.ListTaskMessagesResponse(
            messages=[_message(record, task) for record in page.records],
            next_page_token=page.next_page_token,
        )


def _message(record: MessageRecord, task: TaskRecord) -> task_message_pb2.TaskMessage:
    record = as_decided(record, task)
    return task_message_pb2.TaskMessage(
        name=record.name,
        number=record.number,
        text=record.text,
        sender=record.sender,
        state=f"TASK_MESSAGE_STATE_{record.state}",
        steps_added=record.steps_added,
        task_attempt=record.task_attempt,
        create_time=convert.time(record.create_time),
        deliver_time=convert.time(record.deliver_time),
        pass_number=record.task_pass,
    )

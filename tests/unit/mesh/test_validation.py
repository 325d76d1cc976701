"""What a wrong request costs is bounded, whatever is wrong with it."""

import pytest

from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2
from services.mesh.errors import AdjutantError
from services.mesh.interceptors.validation import MAX_EXPLAINED, Validation

PARENT = "clients/acme/projects/web"


def _refused(count: int) -> AdjutantError:
    request = subscription_service_pb2.SubscribeRequest(parent=PARENT)
    request.kinds.extend([event_pb2.EVENT_KIND_UNSPECIFIED] * count)
    with pytest.raises(AdjutantError) as caught:
        Validation().check(request)
    return caught.value


def test_everything_that_is_wrong_is_told_where_it_is_not_too_much() -> None:
    assert len(_refused(50).violations) == 50


def test_of_a_million_wrong_elements_one_is_told_and_no_more() -> None:
    assert len(_refused(1_000_000).violations) == 1
    assert len(_refused(MAX_EXPLAINED + 1).violations) == 1

"""The contract keeps its rules, and each rule sees when it is broken."""

import shutil

import pytest

from tests.contract import rules, schema
from tests.contract.schema import ROOT, Contract

# One thing wrong for each rule; a comment says which.
BROKEN_PROTO = """\
syntax = "proto3";

package adjutant.event.v1;

import "adjutant/common/v1/access.proto";
import "buf/validate/validate.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";

// Event has a payload that no kind stands for.
message Event {
  oneof payload {
    Nothing lost = 10;
  }
}

// EventKind is empty.
enum EventKind {
  // EVENT_KIND_UNSPECIFIED is never sent.
  EVENT_KIND_UNSPECIFIED = 0;
}

message Nothing {}

// Broken breaks the rules of fields.
message Broken {
  string config_json = 1;
  string state = 2;
  string start_time = 3;
  map<string, string> labels = 4;
  google.protobuf.Struct metadata = 5;
  // It starts with another word.
  google.protobuf.Timestamp started = 6;
}

// BrokenService breaks the rules of methods.
service BrokenService {
  // GetThing does not say that it only reads.
  rpc GetThing(GetThingRequest) returns (GetThingResponse);
  // ListThings has no pages.
  rpc ListThings(GetThingRequest) returns (GetThingResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }
  // WatchThing cannot be resumed.
  rpc WatchThing(WatchThingRequest) returns (stream WatchThingResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }
  // CreateThing cannot be repeated, and calls a field that it has not its resource.
  rpc CreateThing(CreateThingRequest) returns (CreateThingResponse) {
    option (adjutant.common.v1.access) = {
      resource: "parent"
      audited: "lost"
    };
  }
}

// GetThingRequest has a name that may be anything.
message GetThingRequest {
  string name = 1;
}
// GetThingResponse is empty.
message GetThingResponse {}
// WatchThingRequest names nothing.
message WatchThingRequest {}
// WatchThingResponse is empty.
message WatchThingResponse {}
// CreateThingRequest names something that nobody checks.
message CreateThingRequest {
  string other = 1 [(buf.validate.field).string.pattern = "^clients/[a-z]+$"];
}
// CreateThingResponse is empty.
message CreateThingResponse {}
"""


@pytest.fixture(scope="module")
def ours() -> Contract:
    return schema.load(ROOT)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    root = tmp_path_factory.mktemp("broken")
    folder = root / "proto" / "adjutant" / "event" / "v1"
    folder.mkdir(parents=True)
    (folder / "event.proto").write_text(BROKEN_PROTO)
    common = root / "proto" / "adjutant" / "common" / "v1"
    common.mkdir(parents=True)
    shutil.copy(ROOT / "proto/adjutant/common/v1/access.proto", common)
    shutil.copy(ROOT / "buf.yaml", root)
    shutil.copytree(ROOT / "third_party", root / "third_party")
    return schema.load(root)


def test_the_contract_is_found(ours: Contract) -> None:
    assert len(ours.methods) >= 18
    assert len(ours.messages) >= 50
    assert all(service.count(".") == 3 for service in ours.services)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_contract_keeps(rule: rules.Rule, ours: Contract) -> None:
    assert rule(ours) == []


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_broken_contract_is_seen_by(rule: rules.Rule, broken: Contract) -> None:
    assert rule(broken) != []

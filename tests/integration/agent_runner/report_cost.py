"""A job that reports what it spends, out of order and once in another currency."""

import os

import grpc

from adjutant.agent_runner.v1 import run_service_pb2, run_service_pb2_grpc
from adjutant.common.v1 import money_pb2


def main() -> None:
    with grpc.insecure_channel(os.environ["ADJUTANT_RUNNER_ADDRESS"]) as channel:
        report = run_service_pb2_grpc.RunServiceStub(channel).ReportRun
        for code, nanos in (("EUR", 250_000_000), ("EUR", 0), ("USD", 0)):
            request = run_service_pb2.ReportRunRequest(
                name=os.environ["ADJUTANT_RUN"],
                report_token=os.environ["ADJUTANT_REPORT_TOKEN"],
                cost=money_pb2.Money(currency_code=code, units=1, nanos=nanos),
            )
            try:
                report(request)
            except grpc.RpcError as error:
                print(error.code().name)


if __name__ == "__main__":
    main()

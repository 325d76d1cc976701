"""Everyone who is measured, ours first."""

from bench.peers import adjutant, dbos, restate

CONTENDERS = (*adjutant.CONTENDERS, *dbos.CONTENDERS, *restate.CONTENDERS)

"""The results that are shipped with the configurations, and the record that a resolver makes of one."""

from config import admin_records as ar
from config import load, results

FILE = load.SHIPPED / "worldcup_results.toml"


def determine(settlement: results.Settlement, market: ar.DefineMarket) -> ar.Determine:
    return ar.Determine(
        event=settlement.event,
        payouts=results.payouts(market, settlement.winners),
        rule_id=settlement.rule,
        source=settlement.source,
        observed_value=settlement.observed,
        observed_at_ns=settlement.observed_at_ns,
        evidence_sha256=settlement.evidence_sha256,
        evidence_name=settlement.evidence_name,
    )

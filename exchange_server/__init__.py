"""The exchange: core (the jitted kernels), engine, journal, gateway, net and cli, each floor above the one before."""

DISTRIBUTION = "exos"

"""The words on the wire and the sans-IO sessions, shared by the server and the SDK. No I/O and no clock in here, but for `client`."""

DISTRIBUTION = "exos"  # other distributions have a package of this name: exchange_server.distribution compares

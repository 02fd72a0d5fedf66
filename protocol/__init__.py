"""Messages, codes and the sans-IO sessions, shared by the server and the SDK. No I/O and no clock, except in `client`."""

DISTRIBUTION = "exos"  # other distributions have a package of this name: exchange_server.distribution checks for it

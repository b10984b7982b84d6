//! The edge: one port, TLS, authentication, routing, configuration and admin pages.

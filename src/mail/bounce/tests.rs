//! Bounces of the systems that send them.

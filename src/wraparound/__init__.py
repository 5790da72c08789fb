"""Wraparound: a school district's nightly run, from feeds to referral queues."""

__version__ = "0.1.0"

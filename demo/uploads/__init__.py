"""Photographs that users upload: read with care, kept for a stated time."""

"""The executor: claims tokens, carries them from rest to rest, and follows up what that changed."""

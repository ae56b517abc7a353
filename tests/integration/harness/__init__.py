"""What the integration tests stand on: owind and nginx as processes in a temporary folder, and clients for both protocols.

Everything that waits polls for a fact with a deadline; nothing sleeps in the hope that something has happened.
"""

"""What is owed to contacts: the outbox, the policy of sending, channels, links, receipts.

Nothing here runs inside a contact's step but the policy: a step only writes rows; ``dispatch`` hands them over.
"""

"""Written English to spoken English: tables of rules, applied in order by `conversation.verbalize`."""

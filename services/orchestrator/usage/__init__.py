"""What calls of models take and cost: the ledger, its sums, and budgets."""

"""What check_records looks for in records, one module a noun."""

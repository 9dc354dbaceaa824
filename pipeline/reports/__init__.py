"""Pages made of results: tables in Markdown, and one page of HTML."""

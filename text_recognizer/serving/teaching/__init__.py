"""What people give a server to teach it: hands, and lines that they corrected."""

"""How a sheet lies in its picture, and the tables that are ruled on it."""

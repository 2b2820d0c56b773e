"""The sheet to fill in: laid out, printed, photographed, straightened and cut into boxes."""

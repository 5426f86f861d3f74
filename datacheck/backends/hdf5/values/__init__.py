"""Read the values of datasets: through a window, from chunks, and past the library where that is faster."""

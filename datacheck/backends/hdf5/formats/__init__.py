"""The layouts that software keeps: anndata, loom, pandas, PyTables, MATLAB, Fuel and The Well."""

"""Who gets what when people share energy, with proof."""

"""How many layers a group needs: model families, series, abelian factors, decompositions, witnesses, inspection."""

"""The mathematics: the network, its objective, dropout and standardization. numpy and scipy only."""

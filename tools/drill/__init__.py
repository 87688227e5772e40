"""The kill drill: a whole site beside a test exchange, whose processes and servers die at random while people trade."""

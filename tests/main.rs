mod speech;
